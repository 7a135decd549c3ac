/* What an evaluation found, for people and for programs. */
#ifndef TW_CLI_CONFUSION_PRINT_H
#define TW_CLI_CONFUSION_PRINT_H

#include <stdio.h>

#include <twill/train.h>

/* The confusion matrix on stdout: rows true, columns predicted, with the share that was right; of many
 * classes only the pairs that are confused most. */
void tw_confusion_print(const tw_eval_result *result, const char *const *class_names);

/* The same as the field "confusion" of the JSON object being written. */
void tw_confusion_json(const tw_eval_result *result);

#endif
