"""What `empathy deploy` puts on a Prefect server: work pools, deployments, automations."""
