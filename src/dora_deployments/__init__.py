"""Report deployments from GitHub Actions to DORA backends."""

__version__ = "0.1.0"
