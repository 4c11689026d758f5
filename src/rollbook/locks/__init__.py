"""Shared and exclusive locks inside transactions."""
