"""What keeps a backup from being written or restored."""


class BackupError(Exception):
    """The message says what to do."""


class DamagedBackup(BackupError):
    """The file is not a backup, was cut off, or was changed."""


NOT_A_BACKUP = "This file is no backup of rollbook."
CUT_OFF = "The backup is incomplete. Take another one."
CHANGED = "The backup was changed after it was written: its checksum differs. Take another one."
