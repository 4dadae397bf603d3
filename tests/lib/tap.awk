# Read one TAP stream; print its failures, then, as the last line, "PASSED FAILED SKIPPED".
# Variables: -v name=NAME -v status=EXIT -v tenths=DURATION, of the command (124: it took too long;
# 137: so did its end, or another process killed it).  There is one failure more for a stream
# without a plan, for a stream with more or fewer tests than planned, and for a command that died
# although all its tests passed.  With MUST_RUN in the environment a test that is skipped is a
# failure.

function fail(what)
{
	failed++
	print "FAILED  " name ": " what
}

function pass_over()
{
	if (ENVIRON["MUST_RUN"])
		fail("must run, and was skipped: " $0)
	else
		skipped++
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
		pass_over()
	else
		passed++
	next
}

/^1\.\.[0-9]+/ {
	plans++
	planned = substr($1, 4) + 0
	if (planned == 0 && toupper($0) ~ /# *SKIP/)
		pass_over()
	next
}

/^Bail out!/ { fail($0); next }

# The first lines that explain a failed test.
/^#/ && showing && showing++ <= 20 { print "        " $0 }

END {
	if (status == 124)
		fail("took too long and was ended")
	else if (status == 137)
		fail("was killed after " int(tenths / 10) " s")
	else if (plans != 1)
		fail(plans ? "more than one plan" : "ended without a plan, exit " status)
	else if (planned != seen)
		fail("planned " planned " tests, saw " seen + 0)
	else if (status != 0 && !failed)
		fail("exit " status " although its tests passed")
	print passed + 0, failed + 0, skipped + 0
}
