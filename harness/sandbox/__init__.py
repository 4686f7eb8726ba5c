"""The sandbox for programs that nobody trusts: a fork server without secrets, a locked fork each."""
