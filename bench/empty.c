// SPDX-License-Identifier: ISC
/*
 * The least that a process can be, linked as the handler is: bench/startup compares the handler
 * with it.
 */
int
main(void)
{
	return 0;
}
