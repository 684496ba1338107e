/* The generated table of operators. */
#ifndef OPERATOR_TABLE_H
#define OPERATOR_TABLE_H

typedef struct {
  const char *name;
  const char *types; /* a letter for each parameter, see gen_operators.c */
} mixnet_operator;

extern const mixnet_operator MIXNET_OPERATORS[];
extern const int MIXNET_OPERATOR_COUNT;

#endif
