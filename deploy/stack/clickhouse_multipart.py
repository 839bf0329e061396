"""multipart/form-data requests: long statements and parameters as fields, external tables as files."""

from __future__ import annotations

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from deploy.stack.clickhouse_execution import EngineError


def read_form(boundary: bytes, body: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """The form's fields, and its files by name. Raises EngineError 36 where the form can't be read."""
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
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
        name = options.get(b"name", b"").decode(errors="replace")
        if b"filename" in options:
            files[name or "_data"] = b"".join(value)
        else:
            fields[name] = b"".join(value).decode("utf-8", "surrogateescape")
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
    return fields, files
