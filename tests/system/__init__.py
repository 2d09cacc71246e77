"""Whole system, real parts, through the doors that people and banks use; checked from databases and topics, never from logs."""
