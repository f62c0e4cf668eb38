extension Picture {
  /// Changes hue, saturation and value (Smith 1978) of every pixel; a gray picture is its own value, and gains no
  /// color but through saturation, where hue 0 is red: then it is what is seen of that red in gray.
  func changingHSV(_ change: (inout (h: Double, s: Double, v: Double)) -> Void) -> Picture {
    var result = self
    let isGray = channels == 1
    for i in 0..<count {
      let (r, g, b) = isGray ? (planes[0][i], planes[0][i], planes[0][i]) : (planes[0][i], planes[1][i], planes[2][i])
      var hsv = Self.hsv(r, g, b)
      change(&hsv)
      let rgb = Self.rgb(hsv)
      if isGray {
        result.planes[0][i] = 0.2125 * rgb.0 + 0.7154 * rgb.1 + 0.0721 * rgb.2
      } else {
        (result.planes[0][i], result.planes[1][i], result.planes[2][i]) = rgb
      }
    }
    return result
  }

  static func hsv(_ r: Double, _ g: Double, _ b: Double) -> (h: Double, s: Double, v: Double) {
    let v = max(r, g, b), delta = v - min(r, g, b)
    guard delta > 0 else { return (0, 0, v) }
    let h = v == r ? (g - b) / delta : v == g ? 2 + (b - r) / delta : 4 + (r - g) / delta
    let turn = h / 6
    return (turn - turn.rounded(.down), delta / v, v)
  }

  static func rgb(_ hsv: (h: Double, s: Double, v: Double)) -> (Double, Double, Double) {
    let (h, s, v) = hsv, sector = (h * 6).rounded(.down), f = h * 6 - sector
    let p = v * (1 - s), q = v * (1 - f * s), t = v * (1 - (1 - f) * s)
    switch Int(sector) % 6 {
    case 0: return (v, t, p)
    case 1: return (q, v, p)
    case 2: return (p, v, t)
    case 3: return (p, q, v)
    case 4: return (t, p, v)
    default: return (v, p, q)
    }
  }
}
