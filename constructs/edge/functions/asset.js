// Runs at the edge before an asset is sent. Its name changes with its contents, so browsers may keep it for a year; an
// answer that is an error they may not, or a broken deployment would outlast its repair.

function handler(event) {
    const response = event.response;
    if (response.statusCode < 400) {
        response.headers['cache-control'] = { value: 'public, max-age=31536000, immutable' };
    }
    return response;
}
