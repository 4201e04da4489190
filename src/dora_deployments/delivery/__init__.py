"""The wire: every backend and service is sent side by side, each on its own."""
