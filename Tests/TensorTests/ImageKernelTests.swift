import CKernels
import DitherTensor
import Testing

extension KernelTests {
  /// Against the definitions, written out.
  @Suite("of images")
  struct ImageKernelTests {
    struct Window: CustomTestStringConvertible, Sendable {
      var height = 8, width = 6, kernel = (2, 2), stride = (2, 2), dilation = (1, 1), pad = (0, 0), extra = 0
      var c: dk_window {
        func out(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ pad: Int) -> Int64 {
          Int64((size + 2 * pad + extra - (kernel - 1) * dilation - 1) / stride + 1)
        }
        return dk_window(
          in_height: Int64(height), in_width: Int64(width),
          out_height: out(height, kernel.0, stride.0, dilation.0, pad.0),
          out_width: out(width, kernel.1, stride.1, dilation.1, pad.1), kernel_height: Int64(kernel.0),
          kernel_width: Int64(kernel.1), stride_height: Int64(stride.0), stride_width: Int64(stride.1),
          dilation_height: Int64(dilation.0), dilation_width: Int64(dilation.1), pad_top: Int64(pad.0),
          pad_left: Int64(pad.1))
      }
      var outHeight: Int { Int(c.out_height) }
      var outWidth: Int { Int(c.out_width) }
      var testDescription: String { "\(height) x \(width), \(kernel) by \(stride), \(dilation), pad \(pad) + \(extra)" }

      /// Of the window's places at (oy, ox), those in the image: the tap, and where it is.
      func places(_ oy: Int, _ ox: Int) -> [(tap: Int, y: Int, x: Int)] {
        (0..<kernel.0 * kernel.1).compactMap { tap in
          let y = oy * stride.0 - pad.0 + tap / kernel.1 * dilation.0
          let x = ox * stride.1 - pad.1 + tap % kernel.1 * dilation.1
          return (0..<height).contains(y) && (0..<width).contains(x) ? (tap, y, x) : nil
        }
      }
    }

    static let windows = [
      Window(), Window(height: 7, width: 7), Window(stride: (1, 1)), Window(kernel: (3, 3), pad: (1, 1)),
      Window(height: 9, width: 9, kernel: (3, 3), stride: (3, 3)), Window(kernel: (3, 2), dilation: (2, 1)),
      Window(height: 1, width: 9, kernel: (1, 2), stride: (1, 2)), Window(height: 7, width: 5, extra: 1),
      Window(height: 5, width: 17, kernel: (3, 3), stride: (1, 1), pad: (1, 1)), Window(kernel: (1, 1), stride: (3, 3)),
    ]

    private func normals(_ count: Int, _ site: UInt32) -> [Float] { NoiseAddress(seed: 4, site: site).normals(count) }

    @Test("the largest of each window, and where its gradient goes", arguments: windows, [8, 16])
    func maxima(_ window: Window, _ block: Int) {
      let planes = 3, pixels = window.height * window.width, outputs = window.outHeight * window.outWidth
      // Few values, so that maxima tie.
      let x = normals(planes * pixels * block, 1).map { ($0 * 2).rounded() }, g = normals(planes * outputs * block, 2)
      var y = [Float](repeating: 0, count: g.count), dx = [Float](repeating: 0, count: x.count)
      for plane in 0..<planes {
        for oy in 0..<window.outHeight {
          for ox in 0..<window.outWidth {
            for c in 0..<block {
              let places = window.places(oy, ox).map {
                ((plane * window.height + $0.y) * window.width + $0.x) * block + c
              }
              let most = places.map { x[$0] }.max() ?? -.infinity
              let out = ((plane * window.outHeight + oy) * window.outWidth + ox) * block + c
              y[out] = most
              if let first = places.first(where: { x[$0] == most }) { dx[first] += g[out] }
            }
          }
        }
      }
      var own = window.c
      for found in KernelTests.onEveryLevel(y.count, { dk_max_pool_parallel($0, x, planes, Int32(block), &own) }) {
        #expect(found == y)
      }
      for found in KernelTests.onEveryLevel(
        x.count, { dk_max_pool_gradient_parallel($0, g, x, y, planes, Int32(block), &own) })
      {
        #expect(found == dx)
      }
    }

    @Test("a window with NaN has NaN as its largest", arguments: [0, 1, 6, 7])
    func notANumber(_ at: Int) {
      var own = Window(height: 2, width: 4).c, x = normals(8 * 16, 3)
      x[at * 16 + 5] = .nan
      for found in KernelTests.onEveryLevel(2 * 16, { dk_max_pool_parallel($0, x, 1, 16, &own) }) {
        #expect(found.indices.filter { found[$0].isNaN } == [at % 4 / 2 * 16 + 5])
      }
    }

    @Test("the gradient of a convolution for few channels", arguments: windows, [(1, 8), (1, 32), (3, 16), (4, 16)])
    func thinGradient(_ window: Window, _ channels: (inputs: Int, outputs: Int)) {
      let block = channels.outputs % 16 == 0 ? 16 : 8, images = 2, taps = window.kernel.0 * window.kernel.1
      let pixels = window.height * window.width, positions = window.outHeight * window.outWidth
      let g = normals(images * channels.outputs * positions, 5),
        w = normals(channels.outputs * channels.inputs * taps, 6)
      var expected = [Double](repeating: 0, count: images * channels.inputs * pixels)
      for image in 0..<images {
        for o in 0..<channels.outputs {
          for oy in 0..<window.outHeight {
            for ox in 0..<window.outWidth {
              let part = (image * channels.outputs + o - o % block) * positions
              let upstream = Double(g[part + (oy * window.outWidth + ox) * block + o % block])
              for i in 0..<channels.inputs {
                for (tap, y, x) in window.places(oy, ox) {
                  expected[(image * channels.inputs + i) * pixels + y * window.width + x] +=
                    upstream * Double(w[(o * channels.inputs + i) * taps + tap])
                }
              }
            }
          }
        }
      }
      var own = window.c
      let size = dk_thin_gradient_scratch(images, Int64(channels.inputs), Int64(channels.outputs), &own)
      let scratch = AlignedBuffer(byteCount: size)
      for found in KernelTests.onEveryLevel(
        expected.count,
        {
          dk_thin_gradient_parallel(
            $0, g, w, scratch.bytes.baseAddress, images, Int64(channels.inputs), Int64(channels.outputs), Int32(block),
            &own)
        })
      {
        #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-4 })
      }
    }
  }
}
