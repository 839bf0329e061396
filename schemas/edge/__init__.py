"""What both HTTP edges share: credentials, limits, error shapes. Pure; stores are Protocols."""
