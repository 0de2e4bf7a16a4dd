#ifndef HAND_WRITTEN_DENSE_H
#define HAND_WRITTEN_DENSE_H

void hand_written_predict(const float *input, float *output);

#endif
