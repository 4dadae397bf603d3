# Read one TAP stream; say what failed in it, then, as the last line, "PASSED FAILED SKIPPED".
# -v name=NAME -v status=EXIT (of the command that wrote it, 124 or 137: it took too long).
# A stream without a plan, with another number of tests than planned, or whose
# command died although every test in it passed, has one failure more.

function fail(what)
{
	failed++
	print "FAILED  " name ": " what
}

{ sub(/\r$/, "") }

/^(not )?ok( |$)/ {
	seen++
	showing = 0
	skip = toupper($0) ~ /# *SKIP/
	if ($1 == "not") {
		sub(/^not ok *[0-9]* *(- )?/, "")
		fail($0)
		showing = 1
	} else if (skip)
		skipped++
	else
		passed++
	next
}

/^1\.\.[0-9]+/ {
	plans++
	planned = substr($1, 4) + 0
	if (planned == 0 && toupper($0) ~ /# *SKIP/)
		skipped++
	next
}

/^Bail out!/ { fail($0); next }

# What a failed test has to say for itself, in reason.
/^#/ && showing && showing++ <= 20 { print "        " $0 }

END {
	if (status == 124 || status == 137)
		fail("took too long and was ended")
	else if (plans != 1)
		fail(plans ? "more than one plan" : "ended without a plan, exit " status)
	else if (planned != seen)
		fail("planned " planned " tests, saw " seen + 0)
	else if (status != 0 && !failed)
		fail("exit " status " although its tests passed")
	print passed + 0, failed + 0, skipped + 0
}
