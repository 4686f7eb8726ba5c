"""The sandbox for programs that nobody trusts: a server without secrets, a locked fork each."""
