document.body.append(`built for ${import.meta.env.VITE_AUDIENCE}`);
