"""Who may do what. Default is deny.

Source: ADR 0005
"""
