// SPDX-License-Identifier: ISC
/*
 * The least that a process can be, linked as the handler is: what bench/startup measures the handler against.
 */
int
main(void)
{
	return 0;
}
