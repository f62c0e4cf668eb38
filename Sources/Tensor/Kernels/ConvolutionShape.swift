import CKernels
import COneDNN

/// The extents of a convolution or a pooling of images [N, C, H, W]; a sequence is an image of height 1. A convolution
/// may be of volumes [N, C, D, H, W].
package struct ConvolutionShape: Sendable {
  package var batch = 0, inChannels = 0, inHeight = 0, inWidth = 0, outChannels = 0, outHeight = 0, outWidth = 0
  package var kernelHeight = 1, kernelWidth = 1, strideHeight = 1, strideWidth = 1
  package var dilationHeight = 1, dilationWidth = 1
  package var padTop = 0, padLeft = 0, padBottom = 0, padRight = 0, groups = 1
  /// Whether there is a depth.
  package var isVolume = false
  package var inDepth = 1, outDepth = 1, kernelDepth = 1, strideDepth = 1, dilationDepth = 1, padFront = 0, padBack = 0

  package init() {}

  /// Multiplications of one convolution.
  package var products: Double {
    let places = Double(batch) * Double(outHeight * outWidth * outDepth)
    return places * Double(outChannels) * Double(inChannels / max(groups, 1))
      * Double(kernelHeight * kernelWidth * kernelDepth)
  }

  var code: dn_convolution_shape {
    dn_convolution_shape(
      batch: Int64(batch), in_channels: Int64(inChannels), in_height: Int64(inHeight), in_width: Int64(inWidth),
      out_channels: Int64(outChannels), out_height: Int64(outHeight), out_width: Int64(outWidth),
      kernel_height: Int64(kernelHeight), kernel_width: Int64(kernelWidth), stride_height: Int64(strideHeight),
      stride_width: Int64(strideWidth), dilation_height: Int64(dilationHeight), dilation_width: Int64(dilationWidth),
      pad_top: Int64(padTop), pad_left: Int64(padLeft), pad_bottom: Int64(padBottom), pad_right: Int64(padRight),
      groups: Int64(groups), volume: isVolume ? 1 : 0, in_depth: Int64(inDepth), out_depth: Int64(outDepth),
      kernel_depth: Int64(kernelDepth), stride_depth: Int64(strideDepth), dilation_depth: Int64(dilationDepth),
      pad_front: Int64(padFront), pad_back: Int64(padBack))
  }

  /// As Dither's own kernels know it.
  var window: dk_window {
    dk_window(
      in_height: Int64(inHeight), in_width: Int64(inWidth), out_height: Int64(outHeight), out_width: Int64(outWidth),
      kernel_height: Int64(kernelHeight), kernel_width: Int64(kernelWidth), stride_height: Int64(strideHeight),
      stride_width: Int64(strideWidth), dilation_height: Int64(dilationHeight), dilation_width: Int64(dilationWidth),
      pad_top: Int64(padTop), pad_left: Int64(padLeft))
  }
}
