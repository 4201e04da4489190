"""Report deployments from GitHub Actions to DORA backends."""

__version__ = "1.0.0"
