/* The mixer of a card for tests: an ALSA external control whose values lie in a file.
 *
 *   ctl.phone_mic { type offhook_mixer  state "phone.mixer" }
 *
 * state   a file of int32, two for each control below, in their order: what each channel of it is now.
 *
 * Some names are those of a WM8960, some those of a USB sound dongle. "Stuck Playback Switch" takes what is written and
 * stays as it is. Build:
 *   gcc -O2 -fPIC -shared -DPIC -o libasound_module_ctl_offhook_mixer.so virtual_mixer.c -lasound
 */
#include <alsa/asoundlib.h>
#include <alsa/control_external.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHANNELS = 2 };

static const char *const sources[] = {"Line", "Mic"};

static const struct control {
    const char *name;
    int type;
    unsigned int channels;
    long most;
} controls[] = {
    {"Left Output Mixer PCM Playback Switch", SND_CTL_ELEM_TYPE_BOOLEAN, 1, 1},
    {"Headphone Playback Volume", SND_CTL_ELEM_TYPE_INTEGER, 2, 127},
    {"Capture Volume", SND_CTL_ELEM_TYPE_INTEGER, 2, 63},
    {"Capture Switch", SND_CTL_ELEM_TYPE_BOOLEAN, 2, 1},
    {"Left Boost Mixer LINPUT1 Switch", SND_CTL_ELEM_TYPE_BOOLEAN, 1, 1},
    {"Left Input Boost Mixer LINPUT1 Volume", SND_CTL_ELEM_TYPE_INTEGER, 1, 3},
    {"Mic Playback Volume", SND_CTL_ELEM_TYPE_INTEGER, 1, 31},
    {"Mic Playback Switch", SND_CTL_ELEM_TYPE_BOOLEAN, 1, 1},
    {"Mic Capture Volume", SND_CTL_ELEM_TYPE_INTEGER, 1, 35},
    {"Mic Capture Switch", SND_CTL_ELEM_TYPE_BOOLEAN, 1, 1},
    {"Auto Gain Control", SND_CTL_ELEM_TYPE_BOOLEAN, 1, 1},
    {"Input Source", SND_CTL_ELEM_TYPE_ENUMERATED, 1, 1},
    {"Stuck Playback Switch", SND_CTL_ELEM_TYPE_BOOLEAN, 1, 1},
};

enum { COUNT = sizeof controls / sizeof controls[0] };

struct mixer {
    snd_ctl_ext_t ext;
    int32_t (*values)[CHANNELS];
};

static int elem_count(snd_ctl_ext_t *ext) { (void)ext; return COUNT; }

static int elem_list(snd_ctl_ext_t *ext, unsigned int offset, snd_ctl_elem_id_t *id)
{
    (void)ext;
    snd_ctl_elem_id_set_interface(id, SND_CTL_ELEM_IFACE_MIXER);
    snd_ctl_elem_id_set_name(id, controls[offset].name);
    return 0;
}

static snd_ctl_ext_key_t find_elem(snd_ctl_ext_t *ext, const snd_ctl_elem_id_t *id)
{
    (void)ext;
    for (snd_ctl_ext_key_t i = 0; i < COUNT; i++)
        if (!strcmp(controls[i].name, snd_ctl_elem_id_get_name(id)))
            return i;
    return SND_CTL_EXT_KEY_NOT_FOUND;
}

static int get_attribute(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, int *type, unsigned int *access,
                         unsigned int *count)
{
    (void)ext;
    *type = controls[key].type;
    *access = SND_CTL_EXT_ACCESS_READWRITE;
    *count = controls[key].channels;
    return 0;
}

static int get_integer_info(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *least, long *most, long *step)
{
    (void)ext;
    *least = 0;
    *most = controls[key].most;
    *step = 1;
    return 0;
}

static int get_enumerated_info(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned int *items)
{
    (void)ext;
    *items = (unsigned int)controls[key].most + 1;
    return 0;
}

static int get_enumerated_name(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned int item, char *name, size_t size)
{
    (void)ext;
    if (item > (unsigned int)controls[key].most)
        return -EINVAL;
    snprintf(name, size, "%s", sources[item]);
    return 0;
}

static int32_t *value_of(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key)
{
    return ((struct mixer *)ext->private_data)->values[key];
}

static int store(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned int channel, long value)
{
    int32_t *now = value_of(ext, key) + channel;
    if (value < 0 || value > controls[key].most)
        return -EINVAL;
    if (*now == value || !strcmp(controls[key].name, "Stuck Playback Switch"))
        return 0;
    *now = (int32_t)value;
    return 1;
}

static int read_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *value)
{
    for (unsigned int channel = 0; channel < controls[key].channels; channel++)
        value[channel] = value_of(ext, key)[channel];
    return 0;
}

static int write_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *value)
{
    int changed = 0;
    for (unsigned int channel = 0; channel < controls[key].channels && changed >= 0; channel++) {
        int one = store(ext, key, channel, value[channel]);
        changed = one < 0 ? one : changed | one;
    }
    return changed;
}

static int read_enumerated(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned int *items)
{
    items[0] = (unsigned int)value_of(ext, key)[0];
    return 0;
}

static int write_enumerated(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned int *items)
{
    return store(ext, key, 0, items[0]);
}

static int read_event(snd_ctl_ext_t *ext, snd_ctl_elem_id_t *id, unsigned int *mask)
{
    (void)ext, (void)id, (void)mask;
    return -EAGAIN;
}

static void on_close(snd_ctl_ext_t *ext)
{
    struct mixer *mixer = ext->private_data;
    munmap(mixer->values, sizeof(int32_t) * COUNT * CHANNELS);
    free(mixer);
}

static const snd_ctl_ext_callback_t callbacks = {
    .close = on_close, .elem_count = elem_count, .elem_list = elem_list, .find_elem = find_elem,
    .get_attribute = get_attribute, .get_integer_info = get_integer_info,
    .get_enumerated_info = get_enumerated_info, .get_enumerated_name = get_enumerated_name,
    .read_integer = read_integer, .write_integer = write_integer, .read_enumerated = read_enumerated,
    .write_enumerated = write_enumerated, .read_event = read_event,
};

SND_CTL_PLUGIN_DEFINE_FUNC(offhook_mixer)
{
    struct mixer *mixer;
    snd_config_t *node;
    const char *path;
    void *page;
    int fd, error;
    (void)root;
    if (snd_config_search(conf, "state", &node) < 0 || snd_config_get_string(node, &path) < 0)
        return -EINVAL;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    page = mmap(NULL, sizeof(int32_t) * COUNT * CHANNELS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return -errno;
    mixer = calloc(1, sizeof *mixer);
    if (!mixer) {
        munmap(page, sizeof(int32_t) * COUNT * CHANNELS);
        return -ENOMEM;
    }
    mixer->values = page;
    mixer->ext.version = SND_CTL_EXT_VERSION;
    strcpy(mixer->ext.id, "offhook");
    strcpy(mixer->ext.driver, "offhook test card");
    strcpy(mixer->ext.name, "offhook test card");
    strcpy(mixer->ext.mixername, "offhook test card");
    mixer->ext.poll_fd = -1;
    mixer->ext.callback = &callbacks;
    mixer->ext.private_data = mixer;
    error = snd_ctl_ext_create(&mixer->ext, name, mode);
    if (error < 0) {
        on_close(&mixer->ext);
        return error;
    }
    *handlep = mixer->ext.handle;
    return 0;
}

SND_CTL_PLUGIN_SYMBOL(offhook_mixer);
