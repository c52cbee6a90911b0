"""The kink report: which nodes stand exactly at a kink or tie, and the slopes on either side."""
