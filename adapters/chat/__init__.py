"""The platforms: discord, slack, web. None knows another."""
