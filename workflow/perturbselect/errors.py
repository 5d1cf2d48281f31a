"""The one error a user can mend."""


class InputError(ValueError):
    """Bad input: the message names the file, key or gene and says what to do.

    Raised before work starts. It is shown to the user as it stands, without a
    traceback.
    """
