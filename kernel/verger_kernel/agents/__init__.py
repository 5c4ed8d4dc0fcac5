"""The adapters: one module an agent kind."""
