"""Exports: a mixture or an expert as an ordinary checkpoint, proved equal before it is called done."""

from tasks.router.export.run import Background, Export, ExportFormat, export_model

__all__ = ["Background", "Export", "ExportFormat", "export_model"]
