package org.mixnet;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * A trained model on Android or any Java machine, through the one-file predictor: one input and float32 outputs.
 *
 * <p>One object serves one thread at a time; {@link #copy} gives another thread its own on the same parameters. {@code input()} and
 * {@code output(i)} are the predictor's own memory: write, {@code forward()}, read. They are valid until {@code close()}, after which nothing
 * may be called. Every failure is a {@link PredictorException} with the library's code and message.
 */
public final class Predictor implements AutoCloseable {
  static {
    System.loadLibrary("mixnet_jni");
  }

  /** What the library said: its code (-1 invalid, -2 shape, -3 type, -4 memory, -6 file, ...) and one line. */
  public static final class PredictorException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public final int code;

    PredictorException(int code, String message) {
      super(message);
      this.code = code;
    }
  }

  private long handle;

  /** From a packed model (`mixnet pack`), for example the bytes of an asset. */
  public Predictor(byte[] packed, String input, long... shape) {
    handle = create(packed, input, shape);
  }

  private Predictor(long handle) {
    this.handle = handle;
  }

  /** Another predictor on the same parameters, for another thread. */
  public Predictor copy() {
    return new Predictor(clone(open()));
  }

  public FloatBuffer input() {
    return floats(tensor(open(), -1));
  }

  public FloatBuffer output(int index) {
    if (index < 0) throw new IndexOutOfBoundsException("output " + index);
    return floats(tensor(open(), index));
  }

  public void forward() {
    forward(open());
  }

  /** Index of the largest value of output 0. */
  public int best() {
    FloatBuffer values = output(0);
    int best = 0;
    for (int i = 1; i < values.limit(); i++) if (values.get(i) > values.get(best)) best = i;
    return best;
  }

  @Override
  public void close() {
    long old = handle;
    handle = 0;
    if (old != 0) free(old);
  }

  private long open() {
    if (handle == 0) throw new IllegalStateException("the predictor is closed");
    return handle;
  }

  private static FloatBuffer floats(ByteBuffer bytes) {
    return bytes.order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  private static native long create(byte[] packed, String input, long[] shape);

  private static native long clone(long handle);

  private static native ByteBuffer tensor(long handle, int index);

  private static native void forward(long handle);

  private static native void free(long handle);
}
