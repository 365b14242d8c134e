"""The domain: one package a stage; in each only `tasks.py` knows Prefect."""
