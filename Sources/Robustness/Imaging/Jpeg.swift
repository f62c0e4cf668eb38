/// JPEG's loss: colors to YCbCr, chroma at half the width and height, 8 × 8 cosine transforms in integers, division by
/// the quality's tables, and back. The entropy coding, which loses nothing, is left out. As libjpeg does it by default:
/// `islow` transforms (Loeffler, Ligtenberg and Moschytz 1989), 4:2:0, "fancy" upsampling. ITU-T T.81.
enum Jpeg {
  /// - Parameters:
  ///   - planes: of bytes, one or three.
  ///   - quality: 1 to 100.
  static func roundTrip(_ planes: [[Int]], _ height: Int, _ width: Int, quality: Int) -> [[Int]] {
    let luma = table(lumaTable, quality), chroma = table(chromaTable, quality)
    guard planes.count == 3 else { return [coded(planes[0], height, width, luma)] }
    var y = [Int](repeating: 0, count: height * width), cb = y, cr = y
    for i in y.indices {
      let (r, g, b) = (planes[0][i], planes[1][i], planes[2][i])
      y[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16
      cb[i] = (-11059 * r - 21709 * g + 32768 * b + (128 << 16) + 32767) >> 16
      cr[i] = (32768 * r - 27439 * g - 5329 * b + (128 << 16) + 32767) >> 16
    }
    y = coded(y, height, width, luma)
    let (h, w) = ((height + 1) / 2, (width + 1) / 2)
    let parts = [cb, cr].map { plane in
      upsampled(coded(downsampled(plane, height, width, h, w), h, w, chroma), h, w, height, width)
    }
    var out = planes
    for i in y.indices {
      let u = parts[0][i] - 128, v = parts[1][i] - 128
      out[0][i] = clamp(y[i] + (91881 * v + 32768) >> 16)
      out[1][i] = clamp(y[i] + (-22554 * u - 46802 * v + 32768) >> 16)
      out[2][i] = clamp(y[i] + (116130 * u + 32768) >> 16)
    }
    return out
  }

  private static func clamp(_ value: Int) -> Int { min(max(value, 0), 255) }

  private static func table(_ base: [Int], _ quality: Int) -> [Int] {
    let scale = quality < 50 ? 5000 / quality : 200 - quality * 2
    return base.map { min(max(($0 * scale + 50) / 100, 1), 255) }
  }

  // MARK: chroma

  /// Means of 2 × 2, rounded down and up by turns along a row; the last column and row are repeated.
  private static func downsampled(_ plane: [Int], _ height: Int, _ width: Int, _ h: Int, _ w: Int) -> [Int] {
    (0..<h * w).map { i in
      let (y, x) = (i / w * 2, i % w * 2), below = min(y + 1, height - 1), right = min(x + 1, width - 1)
      let sum =
        plane[y * width + x] + plane[y * width + right] + plane[below * width + x] + plane[below * width + right]
      return (sum + 1 + (i % w) % 2) >> 2
    }
  }

  /// Triangles: three parts of the nearer and one of the farther sample, in both directions.
  private static func upsampled(_ plane: [Int], _ h: Int, _ w: Int, _ height: Int, _ width: Int) -> [Int] {
    var out = [Int](repeating: 0, count: height * width)
    for y in 0..<height {
      let near = y / 2, far = min(max(y % 2 == 0 ? near - 1 : near + 1, 0), h - 1)
      let sums = (0..<w).map { 3 * plane[near * w + $0] + plane[far * w + $0] }
      for x in 0..<width {
        let at = x / 2, isLeft = x % 2 == 0
        let value: Int
        if w == 1 || isLeft && at == 0 {
          value = (sums[at] * 4 + 8) >> 4
        } else if !isLeft && at == w - 1 {
          value = (sums[at] * 4 + 7) >> 4
        } else {
          value = isLeft ? (sums[at] * 3 + sums[at - 1] + 8) >> 4 : (sums[at] * 3 + sums[at + 1] + 7) >> 4
        }
        out[y * width + x] = value
      }
    }
    return out
  }

  // MARK: blocks

  private static func coded(_ plane: [Int], _ height: Int, _ width: Int, _ table: [Int]) -> [Int] {
    var out = plane, block = [Int](repeating: 0, count: 64)
    for top in stride(from: 0, to: height, by: 8) {
      for left in stride(from: 0, to: width, by: 8) {
        for i in 0..<64 {
          let y = min(top + i / 8, height - 1), x = min(left + i % 8, width - 1)
          block[i] = plane[y * width + x] - 128
        }
        forward(&block)
        for i in 0..<64 {
          // The transform's values are 8 times the true ones.
          let step = table[i] * 8, value = block[i], rounded = (abs(value) + step / 2) / step
          block[i] = (value < 0 ? -rounded : rounded) * table[i]
        }
        inverse(&block)
        for i in 0..<64 where top + i / 8 < height && left + i % 8 < width {
          out[(top + i / 8) * width + left + i % 8] = clamp(block[i] + 128)
        }
      }
    }
    return out
  }

  // Fixed-point constants of 13 bits.
  private static let c0298 = 2446, c0390 = 3196, c0541 = 4433, c0765 = 6270, c0899 = 7373, c1175 = 9633, c1501 = 12299
  private static let c1847 = 15137, c1961 = 16069, c2053 = 16819, c2562 = 20995, c3072 = 25172

  private static func descale(_ value: Int, _ bits: Int) -> Int { (value + (1 << (bits - 1))) >> bits }

  /// Rows with two more bits, then columns.
  private static func forward(_ d: inout [Int]) {
    for pass in 0..<2 {
      let (step, next) = pass == 0 ? (1, 8) : (8, 1)
      for line in 0..<8 {
        let o = line * next
        func at(_ k: Int) -> Int { d[o + k * step] }
        let t0 = at(0) + at(7), t7 = at(0) - at(7), t1 = at(1) + at(6), t6 = at(1) - at(6)
        let t2 = at(2) + at(5), t5 = at(2) - at(5), t3 = at(3) + at(4), t4 = at(3) - at(4)
        let t10 = t0 + t3, t13 = t0 - t3, t11 = t1 + t2, t12 = t1 - t2
        let bits = pass == 0 ? 13 - 2 : 13 + 2
        let even = (t12 + t13) * c0541
        let z1 = t4 + t7, z2 = t5 + t6, z3 = t4 + t6, z4 = t5 + t7, z5 = (z3 + z4) * c1175
        let a = -z1 * c0899, b = -z2 * c2562, c = -z3 * c1961 + z5, e = -z4 * c0390 + z5
        d[o] = pass == 0 ? (t10 + t11) << 2 : descale(t10 + t11, 2)
        d[o + 4 * step] = pass == 0 ? (t10 - t11) << 2 : descale(t10 - t11, 2)
        d[o + 2 * step] = descale(even + t13 * c0765, bits)
        d[o + 6 * step] = descale(even - t12 * c1847, bits)
        d[o + 7 * step] = descale(t4 * c0298 + a + c, bits)
        d[o + 5 * step] = descale(t5 * c2053 + b + e, bits)
        d[o + 3 * step] = descale(t6 * c3072 + b + c, bits)
        d[o + step] = descale(t7 * c1501 + a + e, bits)
      }
    }
  }

  /// Columns with two more bits, then rows.
  private static func inverse(_ d: inout [Int]) {
    for pass in 0..<2 {
      let (step, next) = pass == 0 ? (8, 1) : (1, 8)
      for line in 0..<8 {
        let o = line * next
        func at(_ k: Int) -> Int { d[o + k * step] }
        let even = (at(2) + at(6)) * c0541, t2 = even - at(6) * c1847, t3 = even + at(2) * c0765
        let t0 = (at(0) + at(4)) << 13, t1 = (at(0) - at(4)) << 13
        let t10 = t0 + t3, t13 = t0 - t3, t11 = t1 + t2, t12 = t1 - t2
        let (a, b, c, e) = (at(7), at(5), at(3), at(1))
        let z1 = a + e, z2 = b + c, z3 = a + c, z4 = b + e, z5 = (z3 + z4) * c1175
        let m1 = -z1 * c0899, m2 = -z2 * c2562, m3 = -z3 * c1961 + z5, m4 = -z4 * c0390 + z5
        let o0 = a * c0298 + m1 + m3, o1 = b * c2053 + m2 + m4, o2 = c * c3072 + m2 + m3, o3 = e * c1501 + m1 + m4
        let bits = pass == 0 ? 13 - 2 : 13 + 2 + 3
        let values = [t10 + o3, t11 + o2, t12 + o1, t13 + o0, t13 - o0, t12 - o1, t11 - o2, t10 - o3]
        for k in 0..<8 { d[o + k * step] = descale(values[k], bits) }
      }
    }
  }

  private static let lumaTable = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80,
    62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92,
    95, 98,
    112, 100, 103, 99,
  ]
  private static let chromaTable = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99,
  ]
}
