/* A network trained on the built-in digits, tested, and written to a file. */
#include <stdio.h>
#include <stdlib.h>

#include <twill/model.h>
#include <twill/train.h>

static const char network[] = "conv 8 5x5 pad 2; relu; maxpool 2; conv 16 5x5; relu; maxpool 2; dense 10";

static tw_status run(const tw_data *train, const tw_data *test, tw_net *net, float *weights, bool *good) {
    tw_train_options options = tw_train_suggest(net);
    options.epochs = 4;
    options.seed = 1;
    tw_status status = tw_net_initialise(net, options.seed, TW_F32, weights);
    tw_train_result trained;
    if (status == TW_OK) status = tw_train(net, weights, train, NULL, &options, &trained);
    if (status != TW_OK) return status;
    printf("trained in %.1f s, %.0f images a second\n", trained.seconds, trained.images_per_second);

    tw_eval_result tested;
    status = tw_eval(net, weights, test, 0, 0, &tested);
    if (status != TW_OK) return status;
    printf("%lld of %lld test images right\n", (long long)tested.correct, (long long)tested.count);
    bool learned = tested.accuracy > 0.9;
    tw_eval_free(&tested);
    tw_data_info info = tw_data_describe(train);
    status = tw_model_save("digits.safetensors", net, weights, info.classes, info.class_names);
    if (status == TW_OK && !learned) printf("that is less than 90 %%\n");
    *good = learned;
    return status;
}

int main(void) {
    tw_data *train = NULL, *test = NULL;
    tw_net *net = NULL;
    float *weights = NULL;
    bool good = false;
    tw_status status = tw_data_open(&train, "strokes:count=8000", TW_TRAIN);
    if (status == TW_OK) status = tw_data_open(&test, "strokes", TW_TEST);
    if (status == TW_OK) status = tw_net_create(&net, network, tw_data_describe(train).image);
    if (status == TW_OK) weights = malloc((size_t)tw_net_weights(net) * sizeof *weights);
    if (status == TW_OK && weights) status = run(train, test, net, weights, &good);
    if (status != TW_OK) fprintf(stderr, "%s\n", tw_message());
    free(weights);
    tw_net_free(net);
    tw_data_close(test);
    tw_data_close(train);
    return status == TW_OK && good ? 0 : 1;
}
