"""S3's reads and the server side's: plain ASGI, beside the gateway's writes and before the framework."""
