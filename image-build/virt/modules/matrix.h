/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Keys between the lines of a simulated GPIO chip: put into gpio-sim by imagebuild/modules.py.
 *
 * gpio-sim's lines know nothing of one another, and no program in user space is quick enough to carry a row's level over
 * to a column between the two system calls of a scan. Here the column is read as a wire would be: /sys/module/gpio_sim/
 * parameters/link holds for each line a mask of the lines that closed keys join it to. A line that is pulled down and
 * has such a mask reads low only while one of those is driven low.
 */
#ifndef OFFHOOK_MATRIX_H
#define OFFHOOK_MATRIX_H

#include <linux/bitops.h>
#include <linux/moduleparam.h>

#define MATRIX_LINES 64

static unsigned long long matrix_link[MATRIX_LINES];
module_param_array_named(link, matrix_link, ullong, NULL, 0644);
MODULE_PARM_DESC(link, "for each line, the mask of the lines that closed keys join it to");

/* The level of a line; the maps are gpio-sim's: a set bit is an input, and a high level. */
static int matrix_level(unsigned int line, const unsigned long *inputs, const unsigned long *levels)
{
	unsigned int other;

	if (test_bit(line, levels) || line >= MATRIX_LINES || !matrix_link[line])
		return !!test_bit(line, levels);
	for (other = 0; other < MATRIX_LINES; other++)
		if ((matrix_link[line] >> other & 1) && !test_bit(other, inputs) && !test_bit(other, levels))
			return 0;
	return 1;
}

#endif
