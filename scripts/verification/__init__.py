"""What only a deployed stack can show. `scripts/verify` puts the checks together."""
