"""The app API ("MyBMW") through the unmodified bimmer_connected.

Only this folder imports the library, and only when an account uses it.
"""
