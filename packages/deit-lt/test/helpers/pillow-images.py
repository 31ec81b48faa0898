# Writes images of many kinds by Pillow, and says what Pillow reads in them. `given` names the folder; `out` becomes a list of
# [name, width, height, RGB in hexadecimal digits], transparent ones composed on white.
import io
import os
import struct
import zlib

folder = given['folder']
rng = np.random.RandomState(0)
width, height = 29, 18
yy, xx = np.mgrid[0:height, 0:width]
waves = np.stack([128 + 100 * np.sin(xx / 7 + yy / 5), 128 + 100 * np.sin(xx / 3 - yy / 5), (xx * 8) % 256], 2)
colours = np.clip(waves + rng.randint(-20, 20, waves.shape), 0, 255).astype(np.uint8)
picture = Image.fromarray(colours)
alpha = rng.randint(0, 256, (height, width)).astype(np.uint8)
clear = Image.fromarray(np.dstack([colours, alpha]))
names = []


def put(name, content):
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(content)
    names.append(name)


def save(name, image=picture, **options):
    image.save(os.path.join(folder, name), **options)
    names.append(name)


def exif(order, kind, value, tag=274):
    e = '>' if order == 'MM' else '<'
    cell = struct.pack(e + 'HH', value, 0) if kind in (3, 8) else struct.pack(e + 'L', value)
    entry = struct.pack(e + 'HHL', tag, kind, 1) + cell
    return b'Exif\0\0' + order.encode() + struct.pack(e + 'HLH', 42, 8, 1) + entry + struct.pack(e + 'L', 0)


def jpeg(image=picture, **options):
    content = io.BytesIO()
    image.save(content, 'JPEG', quality=92, **options)
    return content.getvalue()


def app1(content):
    return b'\xff\xe1' + struct.pack('>H', len(content) + 2) + content


def with_blocks(content, *blocks):
    return content[:2] + b''.join(map(app1, blocks)) + content[2:]


plain = jpeg()
for value in range(0, 11):
    put('short-%d.jpg' % value, with_blocks(plain, exif('MM', 3, value)))
for value in (6, 9, 65542):
    put('long-%d.jpg' % value, with_blocks(plain, exif('II', 4, value)))
    put('long-mm-%d.jpg' % value, with_blocks(plain, exif('MM', 4, value)))
put('two-1-6.jpg', with_blocks(plain, exif('MM', 3, 1), exif('MM', 3, 6)))
put('two-6-1.jpg', with_blocks(plain, exif('II', 3, 6), exif('II', 3, 1)))
put('two-9-6.jpg', with_blocks(plain, exif('MM', 3, 9), exif('MM', 3, 6)))
put('two-other-6.jpg', with_blocks(plain, exif('MM', 3, 6, tag=271), exif('MM', 3, 6)))
put('behind-xmp.jpg', with_blocks(plain, b'http://ns.adobe.com/xap/1.0/\0<x/>', exif('MM', 3, 8)))
put('progressive.jpg', jpeg(progressive=True))
put('all-chroma.jpg', jpeg(subsampling=0))
put('grey.jpg', jpeg(picture.convert('L')))
for value in (1, 5, 6, 7, 9):
    save('exif-%d.png' % value, exif=exif('II', 4, value))
    save('exif-%d.webp' % value, exif=exif('MM', 3, value), lossless=True)
for value in range(0, 10):
    save('tag-%d.tif' % value, tiffinfo={274: value})
for compression in ('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits', 'jpeg'):
    save(compression + '.tif', compression=compression)
save('grey.tif', picture.convert('L'))
save('bits.tif', picture.convert('1'))
save('palette.tif', picture.quantize(64))

inks = rng.randint(0, 256, (3, 4, 4)).repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
inks = Image.fromarray(inks, 'CMYK')
profile = __import__('PIL.ImageCms').ImageCms
srgb = profile.ImageCmsProfile(profile.createProfile('sRGB')).tobytes()
adobe = jpeg(inks)
put('adobe-inks.jpg', adobe)
at = adobe.index(b'\xff\xee')
after = at + 2 + struct.unpack('>H', adobe[at + 2 : at + 4])[0]
put('plain-inks.jpg', adobe[:at] + adobe[after:])
put('ycck.jpg', adobe[: at + 15] + b'\x02' + adobe[at + 16 :])
put('turned-inks.jpg', with_blocks(adobe, exif('MM', 3, 6)))
put('profile-inks.jpg', jpeg(inks, icc_profile=srgb))
put('profile.jpg', jpeg(icc_profile=srgb))
save('inks.tif', inks)


def chunk(kind, content):
    return struct.pack('>L', len(content)) + kind + content + struct.pack('>L', zlib.crc32(kind + content))


def png(name, levels, depth, kind, *more):
    rows = b''.join(b'\0' + levels[y].tobytes() for y in range(height))
    head = struct.pack('>LLBBBBB', width, height, depth, kind, 0, 0, 0)
    parts = chunk(b'IHDR', head) + b''.join(more) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
    put(name, b'\x89PNG\r\n\x1a\n' + parts)


def deep(channels):
    return rng.randint(0, 65536, (height, width, channels)).astype('>u2')


png('rgb-16.png', deep(3), 16, 2)
png('rgba-16.png', deep(4), 16, 6)
png('grey-alpha-16.png', deep(2), 16, 4)
key = np.where(xx[..., None] % 2 == 0, np.array([1, 2, 3]), colours).astype(np.uint8)
png('colour-key.png', key, 8, 2, chunk(b'tRNS', struct.pack('>HHH', 1, 2, 3)))
png('grey-key.png', np.where(xx % 2 == 0, 7, colours[..., 0]).astype(np.uint8), 8, 0, chunk(b'tRNS', b'\0\7'))
for name in ('alpha.png', 'alpha.webp', 'alpha.tif'):
    save(name, clear, **({'lossless': True} if name.endswith('webp') else {}))
save('grey-alpha.png', Image.fromarray(np.dstack([colours[..., 0], alpha]), 'LA'))
save('palette.png', picture.quantize(200))
save('clear-palette.png', picture.quantize(200), transparency=bytes(range(200)))
save('palette-16.png', picture.quantize(16))
save('bits.png', picture.convert('1'))
save('animated.png', save_all=True, append_images=[clear.convert('RGB')])
few = picture.quantize(100)
save('plain.gif', few)
save('clear.gif', few, transparency=5)
save('animated.gif', few, save_all=True, append_images=[picture.rotate(180).quantize(50)], loop=0)
save('animated.webp', save_all=True, append_images=[picture.rotate(180)], lossless=True)

save('rgb.bmp')
save('grey.bmp', picture.convert('L'))
save('bits.bmp', picture.convert('1'))
save('palette.bmp', few)
save('palette-16.bmp', picture.quantize(16))
save('four-bytes.bmp', clear)


def bitmap(name, bits, rows, fields=b'', size=40, height=height):
    head = struct.pack('<LllHHLLllLL', size, width, height, 1, bits, 3 if fields else 0, len(rows), 0, 0, 0, 0) + fields
    put(name, b'BM' + struct.pack('<LHHL', 14 + len(head) + len(rows), 0, 0, 14 + len(head)) + head + rows)


sixteen = rng.randint(0, 65536, (height, width + 1)).astype('<u2')
bitmap('555.bmp', 16, sixteen.tobytes())
bitmap('565.bmp', 16, sixteen.tobytes(), struct.pack('<LLL', 0xF800, 0x7E0, 0x1F))
bitmap('alpha.bmp', 32, np.dstack([colours, alpha]).tobytes(), struct.pack('<LLLL', 0xFF, 0xFF00, 0xFF0000, 0xFF000000) + b'BGRs' + b'\0' * 48, 124)
bitmap('top-down.bmp', 32, np.dstack([colours[..., ::-1], alpha]).tobytes(), height=-height)

save('rgb.ppm')
save('grey.pgm', picture.convert('L'))
save('bits.pbm', picture.convert('1'))
text = lambda levels: b' '.join(b'%d' % level for level in levels.ravel())
put('text.ppm', b'P3\n# a comment\n%d %d # and one\n255\n' % (width, height) + text(colours))
put('text.pgm', b'P2\n%d %d\n100\n' % (width, height) + text(colours[..., 0] % 101))
put('text.pbm', b'P1\n%d %d\n' % (width, height) + text(colours[..., 0] % 2).replace(b' ', b''))
put('levels-31.ppm', b'P6 %d %d 31\n' % (width, height) + (colours % 32).tobytes())
put('levels-1000.ppm', b'P6 %d %d 1000\n' % (width, height) + (colours.astype('>u2') * 3).astype('>u2').tobytes())


def read(name):
    image = Image.open(os.path.join(folder, name))
    if not name.endswith('.tif'):  # of these Pillow itself applies the orientation, some versions twice
        image = __import__('PIL.ImageOps').ImageOps.exif_transpose(image)
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        ground = Image.new('RGBA', image.size, (255, 255, 255, 255))
        ground.alpha_composite(image.convert('RGBA'))
        image = ground
    image = image.convert('RGB')
    return [name, image.size[0], image.size[1], image.tobytes().hex()]


out = [read(name) for name in names]
