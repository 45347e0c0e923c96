"""Deploying template.yaml to an AWS account, step by step. `scripts/deploy` puts the steps together."""
