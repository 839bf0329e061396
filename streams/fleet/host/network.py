"""A network of its own for each server: players come in by mapped ports, and out go public addresses alone.

Each attempt has a network namespace with one link to the host. nftables maps the external ports to it (also
on the host's own addresses and loopback), lets answers pass, and drops what the server sends to the host, to
other servers and to any address that is not public. IPv6 is off. One table of family inet holds a host's
rules; adding an attempt changes only its elements, so that a host's agent may come and go. What the kernel
remembers of connections is made to fit: a client that sends before its server is there, or goes on sending
after it has gone, reaches the one that has the port next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, Literal

from streams.fleet.host.commands import CommandFailed, run
from streams.fleet.host.connections import Connection, forget
from streams.fleet.host.launch import Port
from streams.fleet.host.namespaces import in_namespace
from streams.fleet.host.place import Seat, address_range, device_prefix, table_name

Egress = Literal["public", "none"]
NOT_PUBLIC: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
"""IANA's special-purpose ranges of IPv4: none of them is the public Internet."""
INSIDE: Final = "eth0"
_NAMESPACES: Final = Path("/run/netns")
# `nat output` has no name for its priority in nft 1.0.6: -100 is dstnat.
_TABLE: Final = """
add table inet {table}
add map inet {table} ports {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
add set inet {table} peers {{ type ifname . ipv4_addr; }}
add chain inet {table} prerouting {{ type nat hook prerouting priority -100; }}
add chain inet {table} output {{ type nat hook output priority -100; }}
add chain inet {table} postrouting {{ type nat hook postrouting priority 100; }}
add chain inet {table} input {{ type filter hook input priority -10; }}
add chain inet {table} forward {{ type filter hook forward priority -10; }}
flush table inet {table}
add rule inet {table} prerouting iifname != "{prefix}*" fib daddr type local \
  dnat ip to meta l4proto . th dport map @ports
add rule inet {table} output fib daddr type local dnat ip to meta l4proto . th dport map @ports
add rule inet {table} postrouting ip saddr 127.0.0.0/8 oifname "{prefix}*" snat ip to {host}
add rule inet {table} postrouting ip saddr {range} oifname != "{prefix}*" masquerade
add rule inet {table} input iifname "{prefix}*" ct state established,related accept
add rule inet {table} input iifname "{prefix}*" drop
add rule inet {table} forward iifname "{prefix}*" meta nfproto ipv6 drop
add rule inet {table} forward oifname "{prefix}*" meta nfproto ipv6 drop
add rule inet {table} forward iifname "{prefix}*" iifname . ip saddr != @peers drop
add rule inet {table} forward iifname "{prefix}*" ct state established,related accept
add rule inet {table} forward oifname "{prefix}*" ct state established,related accept
add rule inet {table} forward iifname "{prefix}*" oifname "{prefix}*" drop
{out}
add rule inet {table} forward oifname "{prefix}*" ct status dnat accept
add rule inet {table} forward oifname "{prefix}*" drop
"""
_OUT: Final = """
add rule inet {table} forward iifname "{prefix}*" ip daddr {{ {not_public} }} drop
add rule inet {table} forward iifname "{prefix}*" accept
"""
_NOTHING_OUT: Final = """
add rule inet {table} forward iifname "{prefix}*" drop
"""
_RESOLVER: Final = """
add rule inet {table} forward iifname "{prefix}*" ip daddr {resolver} udp dport 53 accept
add rule inet {table} forward iifname "{prefix}*" ip daddr {resolver} tcp dport 53 accept
"""
_OUTER: Final = """
netns add {device}
link add {device} type veth peer name {inside} netns {device}
"""
# The host's end has no address, and neither end asks who has one: browsers on the machine break off all
# requests when an address comes or goes.
_LINK: Final = """
link set {device} address {host_mac} up
neigh replace {address} lladdr {mac} dev {device} nud permanent
route replace {address} dev {device}
"""
_INNER: Final = """
link set lo up
link set {inside} address {mac} up
addr replace {address}/32 dev {inside}
neigh replace {gateway} lladdr {host_mac} dev {inside} nud permanent
route replace {gateway} dev {inside}
route replace default via {gateway}
"""


class HostNetwork:
    """The rules of one host, and the networks of its attempts. Needs root, ip and nft."""

    def __init__(self, slot: int, *, resolvers: Sequence[IPv4Address], egress: Egress = "public") -> None:
        self._slot = slot
        self._table = table_name(slot)
        self._resolvers = resolvers
        self._egress = egress

    def open(self) -> None:
        """Sets the rules and lets the kernel forward. Keeps the mapped ports of attempts that run.

        Raises CommandFailed, and OSError where the kernel does not show its table of connections.
        """
        forget(lambda _: False)
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        names = {"table": self._table, "prefix": device_prefix(self._slot)}
        allowed = "".join(_RESOLVER.format(**names, resolver=resolver) for resolver in self._resolvers)
        public = _OUT.format(**names, not_public=", ".join(NOT_PUBLIC))
        out = allowed + public if self._egress == "public" else _NOTHING_OUT.format(**names)
        addresses = address_range(self._slot)
        rules = _TABLE.format(**names, range=addresses, host=addresses[0], out=out)
        run("nft", "-f", "-", given=rules)

    def close(self) -> None:
        """Removes the rules. Attempts that still run can't be reached any more. Twice is as once."""
        with contextlib.suppress(CommandFailed):
            run("nft", "delete", "table", "inet", self._table)

    def attach(self, seat: Seat, ports: Sequence[Port]) -> Path:
        """Makes the attempt's network and maps its ports; the path of its namespace. Twice is as once."""
        namespace = _NAMESPACES / seat.device
        names = {
            "device": seat.device,
            "inside": INSIDE,
            "gateway": seat.gateway,
            "host_mac": seat.host_mac,
            "address": seat.address,
            "mac": seat.mac,
        }
        if not Path(f"/sys/class/net/{seat.device}").exists():
            self._remove_namespace(seat)  # of an attach that was broken off before the link was there
            run("ip", "-batch", "-", given=_OUTER.format(**names))
        with in_namespace(namespace):
            Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
            Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
        Path(f"/proc/sys/net/ipv6/conf/{seat.device}/disable_ipv6").write_text("1")
        Path(f"/proc/sys/net/ipv4/conf/{seat.device}/route_localnet").write_text("1")
        run("ip", "-batch", "-", given=_LINK.format(**names))
        run("ip", "-n", seat.device, "-batch", "-", given=_INNER.format(**names))
        run("nft", "-f", "-", given=self._elements("add", seat, ports))
        mapped: set[tuple[str, int]] = {(port.protocol, port.external) for port in ports}
        forget(lambda known: self._misled(known, mapped, IPv4Address(seat.address)))
        return namespace

    def detach(self, seat: Seat, ports: Sequence[Port]) -> None:
        """Removes the attempt's network and its mapped ports. Twice is as once."""
        with contextlib.suppress(CommandFailed):
            # What is not there can't be deleted: it is added first, in the same transaction.
            run(
                "nft",
                "-f",
                "-",
                given=self._elements("add", seat, ports) + self._elements("delete", seat, ports),
            )
        if (_NAMESPACES / seat.device).exists():
            with contextlib.suppress(CommandFailed):
                run("ip", "-batch", "-", given=f"link del {seat.device}\nnetns del {seat.device}\n")
        self._remove_namespace(seat)
        gone = IPv4Address(seat.address)
        forget(lambda known: gone in {known.first.source, known.answer.source})

    def _remove_namespace(self, seat: Seat) -> None:
        if (_NAMESPACES / seat.device).exists():
            with contextlib.suppress(CommandFailed):
                run("ip", "netns", "del", seat.device)

    def _misled(self, known: Connection, mapped: set[tuple[str, int]], address: IPv4Address) -> bool:
        """Whether a connection to a mapped port goes to the host itself, or to another server."""
        if (known.protocol, known.first.to_port) not in mapped:
            return False
        to = known.answer.source
        return not known.translated or (to in address_range(self._slot) and to != address)

    def _elements(self, verb: str, seat: Seat, ports: Sequence[Port]) -> str:
        lines = [f'{verb} element inet {self._table} peers {{ "{seat.device}" . {seat.address} }}']
        lines += [
            f"{verb} element inet {self._table} ports "
            f"{{ {port.protocol} . {port.external} : {seat.address} . {port.internal} }}"
            for port in ports
        ]
        return "\n".join(lines) + "\n"
