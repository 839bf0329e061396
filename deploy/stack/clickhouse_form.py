"""multipart/form-data requests: clickhouse-connect sends long statements and parameters so."""

from __future__ import annotations

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from deploy.stack.clickhouse_execution import EngineError


def read_form(boundary: bytes, body: bytes) -> dict[str, str]:
    """The form's fields.

    Raises EngineError: 48 for a file (external tables), 36 where the form can't be read.
    """
    fields: dict[str, str] = {}
    header_name: list[bytes] = []
    header_value: list[bytes] = []
    headers: dict[bytes, bytes] = {}
    value: list[bytes] = []

    def end_header() -> None:
        headers[b"".join(header_name).lower()] = b"".join(header_value)
        header_name.clear()
        header_value.clear()

    def end_part() -> None:
        _, options = parse_options_header(headers.get(b"content-disposition", b""))
        if b"filename" in options:
            raise EngineError(
                48, "Code: 48. DB::Exception: External tables are not served. (NOT_IMPLEMENTED)"
            )
        fields[options.get(b"name", b"").decode()] = b"".join(value).decode("utf-8", "surrogateescape")
        headers.clear()
        value.clear()

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda data, start, end: header_name.append(data[start:end]),
                "on_header_value": lambda data, start, end: header_value.append(data[start:end]),
                "on_header_end": end_header,
                "on_part_data": lambda data, start, end: value.append(data[start:end]),
                "on_part_end": end_part,
            },
        )
        parser.write(body)
        parser.finalize()
    except MultipartParseError as error:
        raise EngineError(36, f"Code: 36. DB::Exception: Bad form: {error}. (BAD_ARGUMENTS)") from None
    return fields
