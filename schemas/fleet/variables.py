"""Environment variables between clients, who send and read values, and the log, which has them sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.edge.ports import StoreUnavailable
from schemas.fleet.access import Caller
from schemas.fleet.names import project_aggregate, variable_field
from schemas.fleet.views import SealedVariable
from schemas.seal import Randomness, SealBroken, Sealer


class Variables:
    """Seals and opens the values of a project's environment variables under the fleet secret."""

    def __init__(self, sealer: Sealer, randomness: Randomness) -> None:
        self._sealer = sealer
        self._randomness = randomness

    def sealed(self, caller: Caller, values: Mapping[str, str] | None) -> list[SealedVariable] | None:
        """Values by name, in the names' order; None for none given."""
        if values is None:
            return None
        aggregate = project_aggregate(caller.studio_id, caller.project_id)
        key = self._sealer.data_key(caller.studio_id, aggregate, self._randomness)
        return [
            SealedVariable(name, key.seal(variable_field(name), values[name], self._randomness))
            for name in sorted(values)
        ]

    def opener(self, caller: Caller) -> Callable[[SealedVariable], str]:
        """Opens a project's values. Raises StoreUnavailable for one that this process has no secret for."""
        aggregate = project_aggregate(caller.studio_id, caller.project_id)

        def opened(variable: SealedVariable) -> str:
            try:
                return self._sealer.open(
                    variable.sealed,
                    studio_id=caller.studio_id,
                    aggregate_id=aggregate,
                    field=variable_field(variable.name),
                )
            except SealBroken as error:
                raise StoreUnavailable(f"an environment variable can't be opened: {error}") from None

        return opened
