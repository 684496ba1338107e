"""The pictures of the Fashion-MNIST example: curves of training, and test images with predictions."""

from matplotlib.figure import Figure


def curves(path, history):
    """Loss and accuracies over the epochs, into the file `path`; returns it."""
    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = range(1, len(history.train_loss) + 1)
    left.plot(epochs, history.train_loss, marker="o", color="#c0392b")
    left.set(xlabel="epoch", ylabel="cross entropy", title="training loss")
    right.plot(epochs, [100 * value for value in history.train_accuracy], marker="o", label="training")
    right.plot(epochs, [100 * value for value in history.test_accuracy], marker="s", label="test")
    right.set(xlabel="epoch", ylabel="per cent", title="accuracy")
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path)
    return path


def predictions(path, images, labels, scores, classes, rows=4, columns=8):
    """The first test images with the class predicted, green where right; into the file `path`, which it returns."""
    figure = Figure(figsize=(1.25 * columns, 1.55 * rows), dpi=110, layout="constrained")
    for place, axes in enumerate(figure.subplots(rows, columns).ravel()):
        axes.axis("off")
        if place >= len(images):
            continue
        guess, truth = int(scores[place].argmax()), int(labels[place])
        axes.imshow(images[place, 0], cmap="gray_r")
        title = f"{classes[guess]} {100 * scores[place, guess]:.0f} %"
        if guess != truth:
            title += f"\n(is {classes[truth]})"
        axes.set_title(title, fontsize=8, color="#1e8449" if guess == truth else "#c0392b")
    figure.savefig(path)
    return path
