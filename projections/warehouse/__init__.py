"""Exports of a studio's rows for warehouses: analysts' views as Parquet by day, with manifests."""
