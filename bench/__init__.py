"""The benchmark: this action beside what else reports deployments, in one run."""
