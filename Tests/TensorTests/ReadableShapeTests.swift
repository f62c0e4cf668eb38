import DitherTensor
import Testing

@Suite("Shapes that hold the same numbers in the same order")
struct ReadableShapeTests {
  @Test(
    "flat rows and axes of extent 1 are read, axes in another order are not",
    arguments: [
      ([784], [1, 28, 28], true), ([28, 28], [784], true), ([28, 28, 1], [784], true),
      ([28, 28, 1], [1, 28, 28], true),
      ([3072], [3, 32, 32], true), ([3, 32, 32], [3072], false), ([32, 32, 3], [3072], false),
      ([32, 32, 3], [3, 32, 32], false), ([4, 16], [16, 4], false), ([4, 16], [65], false), ([], [1, 1], true),
    ])
  func readable(_ own: [Int], _ wanted: [Int], _ isReadable: Bool) {
    #expect(Shape(own).isReadable(as: Shape(wanted)) == isReadable)
  }
}
