# SPDX-License-Identifier: ISC
"""The assertions of tests/conformance, and what they need: sessions, verdicts, a next hop."""
from conform import case_commands, case_content, case_envelope, case_session

CASES = case_session, case_envelope, case_content, case_commands
