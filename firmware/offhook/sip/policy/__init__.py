"""Who may do what: strangers at the door, floods, and requests that change the phone."""
