/* Escaping, in one place. */
#include "explain/markup.h"

#include <string.h>

void tw_markup_text(tw_ink *ink, const char *text, size_t most) {
    for (size_t i = 0; i < most && text[i];) {
        size_t plain = 0;
        while (i + plain < most && text[i + plain] && !strchr("&<>\"", text[i + plain])) plain++;
        tw_ink_bytes(ink, text + i, plain);
        i += plain;
        if (i >= most || !text[i]) return;
        tw_ink_text(ink, text[i] == '&'   ? "&amp;"
                         : text[i] == '<' ? "&lt;"
                         : text[i] == '>' ? "&gt;"
                                          : "&quot;");
        i++;
    }
}
