/* A picture is told from a text of numbers by its first bytes alone; whether it is whole, its reader says. */
#include "picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_options.h"
#include "net_options.h"

static const char *const splits[] = {"train", "test", NULL};

const tw_option tw_options_sample[] = {
    {.name = "data",
     .form = "DATA",
     .kind = TW_OPTION_TEXT,
     .help = "take the image, and its class, from this data set ..."},
    {.name = "index",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 0,
     .most = INT64_MAX,
     .help = "... by its number, from 0 (default: 0)"},
    {.name = "split",
     .form = "SPLIT",
     .kind = TW_OPTION_CHOICE,
     .choices = splits,
     .help = "test (default) or train"},
    {.name = NULL},
};

bool tw_picture_recognised(const char *path) {
    unsigned char first[2] = {0};
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    const size_t got = fread(first, 1, sizeof first, file);
    fclose(file);
    const bool netpbm = first[0] == 'P' && first[1] >= '1' && first[1] <= '6';
    return got == 2 &&
           (netpbm || (first[0] == 0x89 && first[1] == 'P') || (first[0] == 0xff && first[1] == 0xd8));
}

/* Numbers of one image; 0 when they are more than memory could hold. */
static size_t numbers_of(const tw_net_input *shape) {
    size_t count = (size_t)shape->channels;
    for (int a = 0; a < shape->spatial; ++a)
        if (__builtin_mul_overflow(count, (size_t)shape->size[a], &count)) return 0;
    return count;
}

static int reserve(tw_picture *picture, const tw_command *command) {
    const size_t count = numbers_of(&picture->shape);
    picture->pixels = count ? calloc(count, sizeof *picture->pixels) : NULL;
    return picture->pixels ? TW_EXIT_DONE : tw_command_failed(command, "no memory for the image");
}

/* The file's own shape where `wanted` leaves it open. */
static tw_status shape_of(tw_net_input *shape, const char *path, const tw_net_input *wanted) {
    const tw_net_input open = {.spatial = 2};
    *shape = wanted ? *wanted : open;
    if (shape->channels && shape->size[0] && shape->size[1]) return TW_OK;
    tw_net_input own;
    const tw_status status = tw_image_shape(path, &own);
    if (status != TW_OK) return status;
    if (!shape->channels) shape->channels = own.channels;
    if (!shape->size[0]) memcpy(shape->size, own.size, sizeof own.size);
    return TW_OK;
}

int tw_picture_read(tw_picture *picture, const tw_command *command, const char *path,
                    const tw_net_input *wanted) {
    *picture = (tw_picture){.label = -1};
    if (shape_of(&picture->shape, path, wanted) != TW_OK)
        return tw_command_failed(command, "%s", tw_message());
    const int status = reserve(picture, command);
    if (status != TW_EXIT_DONE) return status;
    if (tw_image_read(path, picture->shape, picture->pixels) == TW_OK) return TW_EXIT_DONE;
    tw_picture_release(picture);
    return tw_command_failed(command, "%s", tw_message());
}

/* Whether `wanted`, where it says something, is the shape of the data's images. */
static bool has_shape(const tw_net_input *image, const tw_net_input *wanted) {
    if (!wanted) return true;
    bool same =
        image->spatial == wanted->spatial && (!wanted->channels || image->channels == wanted->channels);
    for (int a = 0; a < image->spatial && same; ++a)
        same = !wanted->size[a] || image->size[a] == wanted->size[a];
    return same;
}

static int read_sample(tw_picture *picture, const tw_arguments *arguments, const tw_data *data,
                       const tw_net_input *wanted) {
    const tw_data_info info = tw_data_describe(data);
    const int64_t index = tw_arguments_integer(arguments, "index", 0);
    char has[TW_IMAGE_TEXT], wants[TW_IMAGE_TEXT];
    if (index >= info.count)
        return tw_command_misused(arguments->command, "--index: %" PRId64 " is out of range: 0 to %" PRId64,
                                  index, info.count - 1);
    if (!has_shape(&info.image, wanted))
        return tw_command_misused(arguments->command, "--data: its images are %s; expected %s",
                                  tw_net_image_text(info.image, has), tw_net_image_text(*wanted, wants));
    picture->shape = info.image;
    const int status = reserve(picture, arguments->command);
    if (status != TW_EXIT_DONE) return status;
    int32_t label;
    if (tw_data_read(data, index, picture->pixels, &label) != TW_OK) {
        tw_picture_release(picture);
        return tw_command_failed(arguments->command, "%s", tw_message());
    }
    picture->label = label;
    return TW_EXIT_DONE;
}

int tw_picture_from_data(tw_picture *picture, const tw_arguments *arguments, const tw_net_input *wanted) {
    tw_data *data;
    *picture = (tw_picture){.label = -1};
    int status = tw_data_from_text(&data, arguments->command, tw_arguments_text(arguments, "data", NULL),
                                   (tw_split)tw_arguments_integer(arguments, "split", TW_TEST));
    if (status != TW_EXIT_DONE) return status;
    status = read_sample(picture, arguments, data, wanted);
    tw_data_close(data);
    return status;
}

void tw_picture_release(tw_picture *picture) {
    free(picture->pixels);
    picture->pixels = NULL;
}
