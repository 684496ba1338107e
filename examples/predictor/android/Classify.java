import java.nio.ByteOrder;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.mixnet.Predictor;

/** Classify MODEL.mixnet INPUT 3,1,28,28 FILE: prints the values of output 0, from the predictor and from a copy on another thread. */
public final class Classify {
  public static void main(String[] arguments) throws Exception {
    String[] extents = arguments[2].split(",");
    long[] shape = new long[extents.length];
    for (int i = 0; i < shape.length; i++) shape[i] = Long.parseLong(extents[i]);
    byte[] packed = Files.readAllBytes(Path.of(arguments[0])), data = Files.readAllBytes(Path.of(arguments[3]));
    try (Predictor predictor = new Predictor(packed, arguments[1], shape);
        Predictor other = predictor.copy()) {
      Thread thread = new Thread(() -> run(other, data));
      thread.start();
      run(predictor, data);
      thread.join();
      for (Predictor p : new Predictor[] {predictor, other}) {
        StringBuilder line = new StringBuilder("output");
        for (int i = 0; i < p.output(0).limit(); i++) line.append(' ').append(p.output(0).get(i));
        System.out.println(line);
      }
      System.out.println("best " + predictor.best());
    } catch (Predictor.PredictorException e) {
      System.out.println("error " + e.code + " " + e.getMessage());
    }
  }

  private static void run(Predictor predictor, byte[] data) {
    predictor.input().put(ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer());
    predictor.forward();
  }
}
