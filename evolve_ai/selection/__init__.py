"""Policies that decide which agents die and which breed."""
