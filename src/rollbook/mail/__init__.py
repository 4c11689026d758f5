"""Mail: messages are stored with the change they tell of, and sent afterwards."""
