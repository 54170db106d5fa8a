#include "analysis/prune.h"

#include <math.h>

void prune_24(float *x, const float *moments, size_t cols)
{
	for (size_t c = 0; c + 4 <= cols; c += 4) {
		double score[4];

		for (size_t i = 0; i < 4; i++)
			score[i] = fabs((double)x[c + i]) * (moments ? sqrt((double)moments[c + i]) : 1);
		for (size_t i = 0; i < 4; i++) {
			int above = 0;

			for (size_t k = 0; k < 4; k++)
				above += score[k] > score[i] || (k < i && score[k] == score[i]);
			if (above >= 2)
				x[c + i] = 0;
		}
	}
}

double prune_24_bits(size_t rows, size_t cols, double bits)
{
	double groups = (double)(cols / 4), rest = (double)(cols % 4);

	return (double)rows * (groups * 2 * (bits + 2) + rest * bits);
}
